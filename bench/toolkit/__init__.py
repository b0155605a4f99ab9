"""What plug-ins are built from: latent directions, moments, the student, losses, training, intervals."""
