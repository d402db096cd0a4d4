"""What earlier runs left behind: listed, compared, traced and cleaned."""
