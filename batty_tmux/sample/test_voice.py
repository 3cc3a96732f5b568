import unittest

from voice import shout


class Voice(unittest.TestCase):
    def test_shouts(self) -> None:
        self.assertEqual(shout("stop"), "STOP!")


if __name__ == "__main__":
    unittest.main()
