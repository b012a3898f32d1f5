"""What holds for the code as a whole: layers, sizes, words, and what is promised in files beside it."""
