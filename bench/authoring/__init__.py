"""For authors of plug-ins: templates, conformance checks, descriptions."""
