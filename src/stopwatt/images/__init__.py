"""Images as users have them: found, read, decoded, labelled."""
