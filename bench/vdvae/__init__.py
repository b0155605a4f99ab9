"""The very deep VAE (Child 2021, arXiv 2011.10650): a hierarchy of latents from one pixel up, drawn top-down.

``architecture`` (layer strings) -> ``config`` (and the published sizes) -> ``blocks`` -> ``networks`` (generator,
encoder) -> ``mixture`` (the likelihood) -> ``objective`` (ELBO, its weights, bits per dimension). The plug-in is
``bench/models/vdvae.py``.

Structure and names follow github.com/openai/vdvae (commit ea35b49, MIT), so that its checkpoints map one to one:

    official                            here
    encoder.in_conv, encoder.enc_blocks encoder.in_conv, encoder.enc_blocks
    decoder.dec_blocks.<i>.enc          encoder.posteriors.<i>    (only inference needs it)
    decoder.<all else>                  generator.<all else>      (and generator.opened = 1)
"""
