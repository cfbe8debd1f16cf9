"""What people look at: curves as SVG, the page of a run, and the comparison of several."""
