"""``bench zoo import`` and ``export``: checkpoints of other code, tensor by tensor, and back.

``containers`` reads a file without running its code, and ``release`` describes its content. ``vdvae``, ``pgan`` and
``plain`` say which of its tensors each of ours is; ``layouts`` names these three. ``fitting`` wants all names and
shapes to match. ``importing`` and ``exporting`` are the two ways.
"""
