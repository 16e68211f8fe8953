# CRuby with its standard library: threads, sockets, net/http.
require "etc"
require "json"
require "net/http"
require "open3"
require "socket"

def in_threads
  Array.new(4) { Thread.new { (1..1_000_000).inject(:+) } }.sum(&:value)
end

def over_loopback
  server = TCPServer.new("127.0.0.1", 0)
  thread = Thread.new do
    connection = server.accept
    path = connection.gets.split[1]
    nil until connection.gets == "\r\n"
    connection.write("HTTP/1.1 200 OK\r\nContent-Length: #{5 + path.bytesize}\r\nConnection: close\r\n\r\npong #{path}")
    connection.close
  end
  text = Net::HTTP.get(URI("http://127.0.0.1:#{server.addr[1]}/7"))
  thread.join
  server.close
  text
end

def in_a_file
  File.binwrite("/tmp/zoo.part", "\0" * 1_000_000)
  File.rename("/tmp/zoo.part", "/tmp/zoo")
  File.size("/tmp/zoo").tap { File.unlink("/tmp/zoo") }
end

def collects
  before = GC.stat(:total_freed_objects)
  400.times { Array.new(131_072, 1) }
  GC.start
  GC.stat(:total_freed_objects) - before >= 400
end

def primes
  sieve = Array.new(200_000, true)
  sieve[0] = sieve[1] = false
  (2..447).each { |i| (i * i).step(199_999, i) { |j| sieve[j] = false } if sieve[i] }
  sieve.count(true)
end

child, status = Open3.capture2("/bin/sh", "-c", "echo $((6 * 7)); exit 3")
puts JSON.generate(
  threads: in_threads, child: child.strip, status: status.exitstatus, http: over_loopback, file: in_a_file, collected: collects, primes: primes,
  memory: Etc.sysconf(Etc::SC_PHYS_PAGES) * Etc.sysconf(Etc::SC_PAGESIZE), processors: Etc.nprocessors
)
