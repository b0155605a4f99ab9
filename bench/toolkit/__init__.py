"""Building blocks for plug-ins: latent directions, class means, the student, losses, training, intervals."""
