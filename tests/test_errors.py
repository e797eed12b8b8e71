from realm_tf import errors


def test_the_middle_of_a_very_long_message_is_left_out():
  error = errors.UserError(f"a.json is damaged: {'x' * 70_000}. Remove it.")
  assert str(error).startswith("a.json is damaged: xxx")
  assert str(error).endswith("xxx. Remove it.")
  assert " ... " in str(error)
  assert len(str(error)) < 1_600


def test_others_are_whole():
  message = "x" * 1_500
  assert str(errors.UserError(message)) == message
