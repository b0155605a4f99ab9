"""What everything stands on: random streams, chunks of images, files, the hash of code, progress, the machine."""
