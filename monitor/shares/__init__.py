"""From stored counts to a topic's complete figures, before their release."""
