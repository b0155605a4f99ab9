"""The base of everything: random streams, chunks of images, files, the hash of code, progress, the machine."""
