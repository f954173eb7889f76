# SPDX-License-Identifier: MIT
"""What the integration tests share: a server of one's own (server.py), a client (client.py), a runner (runner.py) and a
model of what a writer has been promised (ledger.py)."""
