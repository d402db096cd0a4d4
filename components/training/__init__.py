"""Transform and Trainer: the network, how it is fitted, and what is fed to it."""
