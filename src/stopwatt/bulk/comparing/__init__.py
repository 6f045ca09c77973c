"""Two results for the same images: how equal are they, and how good?"""
