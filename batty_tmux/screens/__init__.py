"""What is drawn on a whole terminal and answers to keys and mouse; the only room that knows Textual."""
