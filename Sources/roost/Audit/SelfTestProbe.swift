/// The function of `roost audit --self-test`: a script that tells what it sees of its sandbox, and tries what must not succeed.
enum SelfTestProbe {
  /// Answers one JSON object, ``InsideView``. Needs nothing but what every image has: bash, coreutils and awk.
  static let script = #"""
    quote() { local text=${1//\\/\\\\}; printf '"%s"' "${text//\"/\\\"}"; }
    list() { local separator='' line; printf '['; while read -r line; do printf '%s' "$separator"; quote "$line"; separator=,; done; printf ']'; }
    table() { local separator='' name value; printf '{'; while read -r name value; do printf '%s' "$separator"; quote "$name"; printf ':'; quote "$value"; separator=,; done; printf '}'; }
    try() { local name=$1; shift; if timeout 5 bash -c "$*" >/dev/null 2>&1; then echo "$name done"; else echo "$name refused"; fi; }
    attempts() {
      for place in / /etc /usr/bin /dev /var/task /opt /proc/sys/kernel; do try "write:$place" "echo x >$place/roost-self-test"; done
      try read:/proc/kcore 'head -c 1 /proc/kcore'
      try read:/proc/kmsg 'head -c 1 /proc/kmsg'
      try read:/proc/1/environ 'cat /proc/1/environ'
      # Process 1 does not notice; otherwise there is no answer at all.
      kill -KILL 1 2>/dev/null
      try chroot 'chroot / true'
      try device 'mknod /tmp/roost-self-test-device b 8 0'
      try owner 'touch /tmp/roost-self-test-file && chown 0 /tmp/roost-self-test-file'
      try priority 'test "$(nice -n -5 nice)" -lt 0'
      try limit 'ulimit -Hn 4096'
      try "connect:host" ": >/dev/tcp/${1%:*}/${1##*:}"
      try connect:metadata ': >/dev/tcp/169.254.169.254/80'
      rm -f /tmp/roost-self-test-*
    }
    allowed() {
      try write:/tmp 'echo x >/tmp/roost-self-test-own && rm /tmp/roost-self-test-own'
      try process 'test "$(echo 1 | cat)" = 1'
    }
    printf '{"status":'; awk '/^(Cap...|NoNewPrivs|Seccomp|Seccomp_filters):/ {sub(":", "", $1); print $1, $2}' /proc/self/status | table
    printf ',"userMap":'; quote "$(awk '{print $1, $2, $3}' /proc/self/uid_map)"
    printf ',"namespaces":'; for name in cgroup ipc mnt net pid user uts; do echo "$name $(readlink "/proc/self/ns/$name")"; done | table
    printf ',"mounts":'; awk '{for (i = 7; i < NF; i++) if ($i == "-") print $5, $(i + 1), $6}' /proc/self/mountinfo | list
    printf ',"interfaces":'; awk 'NR > 2 {sub(":.*", "", $1); print $1}' /proc/self/net/dev | sort | list
    printf ',"devices":'; ls /dev | sort | list
    printf ',"attempts":'; attempts "$1" | table
    printf ',"allowed":'; allowed | table
    printf '}\n'

    """#

  /// The Runtime API in bash, for images that bring no runtime.
  static let bootstrap = #"""
    #!/bin/bash
    api=http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime
    while headers=$(curl -sS -o /tmp/event -D - "$api/invocation/next"); do
      id=$(sed -n 's/\r$//; s/^lambda-runtime-aws-request-id: *//Ip' <<<"$headers")
      bash /var/task/probe "$(tr -d '"' </tmp/event)" | curl -sS -o /dev/null --data-binary @- "$api/invocation/$id/response"
    done

    """#

  static let python = #"""
    import json, subprocess

    def handler(event, context):
        return json.loads(subprocess.run(["/bin/bash", "/var/task/probe", event], capture_output=True, text=True, check=True).stdout)

    """#

  /// Runtimes that it can be made for, best first.
  static func runtime(among installed: [String]) -> String? {
    installed.first { $0.hasPrefix("provided.") } ?? installed.last { $0.hasPrefix("python3.") }
  }

  static func zip(for runtime: String) throws(CommandFailure) -> [UInt8] {
    var zip = StoredZipWriter()
    try zip.add("probe", mode: 0o100644, content: Array(script.utf8))
    if runtime.hasPrefix("provided.") {
      try zip.add("bootstrap", mode: 0o100755, content: Array(bootstrap.utf8))
    } else {
      try zip.add("app.py", mode: 0o100644, content: Array(python.utf8))
    }
    return zip.finished()
  }
}
