# Counts its calls: a second call in the same execution environment sees the first one's file.
handler() {
  echo x >>/tmp/calls
  printf '{"event": %s, "calls": %d, "bash": "%s"}\n' "$1" "$(grep -c x /tmp/calls)" "$BASH_VERSION"
  [[ $1 != *fail* ]]
}
