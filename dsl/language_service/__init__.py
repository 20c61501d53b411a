"""What an editor asks about text that is being typed: what may come here, what is this, where is it from."""
