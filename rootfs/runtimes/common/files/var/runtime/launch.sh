# Sourced by a bootstrap with the runtime client's command line as arguments: starts it, through AWS_LAMBDA_EXEC_WRAPPER where the function has one.
wrapper=${AWS_LAMBDA_EXEC_WRAPPER:-}
[ -n "$wrapper" ] || exec "$@"
[ -f "$wrapper" ] || { echo "$wrapper: does not exist" >&2; exit 127; }
[ -x "$wrapper" ] || { echo "$wrapper: is not an executable" >&2; exit 126; }
exec "$wrapper" "$@"
