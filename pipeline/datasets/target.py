"""What conversion writes, whatever the size of the images that it is given."""

from components.image_spec import MNIST

TARGET = MNIST
