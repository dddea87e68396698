"""What the chapters run: data, experiments, diagnostics, claims and figures."""
