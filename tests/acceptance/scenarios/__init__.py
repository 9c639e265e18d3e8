"""What the product is for, as stories: people of the right posts, each with a log-in, act through the HTTP API."""
