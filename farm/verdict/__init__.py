"""Records against limits: pass, regression, no verdict."""
