"""What ``farm doctor`` looks at: each module looks at one side of the controller, and changes nothing."""
