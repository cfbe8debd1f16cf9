"""From files to clean documents, one at a time: finding, decoding, cleaning, splitting into parts, duplicates."""
