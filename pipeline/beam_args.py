"""How Beam runs what nodes hand to it."""

# In one process: for 70,000 records on two cores about twice as fast as several.
# Named in full, because newer Beam may put another runner behind "DirectRunner".
BEAM_ARGS = [
    "--runner=apache_beam.runners.portability.fn_api_runner.FnApiRunner",
    "--direct_running_mode=in_memory",
    "--direct_num_workers=1",
    # Otherwise TFX packs itself for remote workers, two seconds for each Beam node.
    "--sdk_container_image=none",
    # Types of transforms are checked while they are written, by the tests. Checking
    # hundreds of TFDV's and TFMA's again took a second of each of their nodes.
    "--no_pipeline_type_check",
]
