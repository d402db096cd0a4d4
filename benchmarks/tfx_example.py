"""Runs TFX's packaged MNIST example with Beam in memory, in one worker: at its best.

``benchmarks.contenders`` runs it as a process of its own. All else is as shipped: the
pipeline, its paths below HOME, and TFX's runner.
"""

from tfx.examples.mnist import mnist_pipeline_native_keras as example
from tfx.orchestration.beam.beam_dag_runner import BeamDagRunner

_IN_MEMORY = [
    # Named in full: newer Beam may put a runner that it downloads behind the default.
    "--runner=apache_beam.runners.portability.fn_api_runner.FnApiRunner",
    "--direct_running_mode=in_memory",
    "--direct_num_workers=1",
]


def main() -> None:
    """Does what the example does when it is executed, with other Beam arguments."""
    BeamDagRunner().run(
        example._create_pipeline(
            pipeline_name=example._pipeline_name,
            pipeline_root=example._pipeline_root,
            data_root=example._data_root,
            module_file=example._module_file,
            serving_model_dir=example._serving_model_dir,
            metadata_path=example._metadata_path,
            beam_pipeline_args=_IN_MEMORY,
        )
    )


if __name__ == "__main__":
    main()
