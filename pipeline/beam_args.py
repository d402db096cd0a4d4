"""How Beam runs what nodes hand to it."""

# In one process, which is faster than several for data that fits into memory.
# Named in full, because newer Beam may put another runner behind "DirectRunner".
BEAM_ARGS = [
    "--runner=apache_beam.runners.portability.fn_api_runner.FnApiRunner",
    "--direct_running_mode=in_memory",
    "--direct_num_workers=1",
    # Otherwise TFX packs itself for remote workers, anew for each Beam node.
    "--sdk_container_image=none",
    # Types of transforms are checked while they are written, by the tests. Checking
    # hundreds of TFDV's and TFMA's again takes long in each of their nodes.
    "--no_pipeline_type_check",
]
