"""Data sets as files: reading IDX, writing and verifying TFRecords.

Called by ``mnist-pipeline data``; nothing here runs inside a node.
"""
