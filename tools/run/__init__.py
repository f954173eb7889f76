# SPDX-License-Identifier: MIT
"""Everything that counts, starts servers or compares: what tools/dev, tests/integration and tools/bench share."""
