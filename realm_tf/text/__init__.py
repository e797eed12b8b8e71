"""From strings to wordpieces: tokenizer, sentences, salient spans, masking."""
