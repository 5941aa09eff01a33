"""Model artifacts: manifest, packing, safe unpacking, deployment, data sets."""
