"""Text of documents: plain text, Markdown, HTML and PDF files."""
