import unittest

from greet import greet


class Greet(unittest.TestCase):
    def test_greets_by_name(self) -> None:
        self.assertIn("Ada", greet("Ada"))


if __name__ == "__main__":
    unittest.main()
