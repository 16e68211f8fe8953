# frozen_string_literal: true

require 'json'
require 'logger'

module Roost
  # What `Logger` and `puts` write. Loggers on stdout or stderr name the request. Where the host offers a log descriptor a record is a frame
  # (big-endian: type, length, microseconds, text) and keeps its line ends; otherwise it is what stdout makes of it.
  module Logging
    class << self
      attr_accessor :request_id
      attr_reader :frames

      def start
        descriptor = ENV.delete('_LAMBDA_TELEMETRY_LOG_FD')
        if descriptor
          @frames = Frames.new(IO.for_fd(descriptor.to_i, 'wb'))
          Kernel.prepend(FramedPuts)
        end
        Logger.prepend(RequestLogger)
      end

      def json?
        ENV['AWS_LAMBDA_LOG_FORMAT']&.upcase == 'JSON'
      end

      def level
        name = ENV['AWS_LAMBDA_LOG_LEVEL']&.upcase
        name == 'TRACE' ? Logger::DEBUG : Logger.const_get(name || 'DEBUG')
      end
    end

    # A log device that writes frames.
    class Frames < Logger::LogDevice
      TEXT = 0xa55a0003
      JSON_TEXT = 0xa55a0002

      def initialize(file) # rubocop:disable Lint/MissingSuper: there is no file to open or rotate
        @file = file
        @file.sync = true
      end

      def write(message)
        message = message.to_s
        now = Process.clock_gettime(Process::CLOCK_REALTIME, :microsecond)
        @file.write([Logging.json? ? JSON_TEXT : TEXT, message.bytesize, now].pack('L>L>Q>') + message.b)
      end

      def reopen(_log = nil) = self
      def close = nil
    end

    # `puts` as one record, however many lines.
    module FramedPuts
      private

      def puts(*parts)
        Logging.frames.write("#{parts.flatten.map(&:to_s).join("\n")}\n")
      end
    end

    # Loggers that would write to stdout or stderr.
    module RequestLogger
      def initialize(logdev = nil, *rest, **options)
        return super unless [nil, $stdout, $stderr].include?(logdev)

        super(Logging.frames || logdev || $stdout, *rest, **{ level: Logging.level }, **options)
        @default_formatter = Logging.json? ? JSONFormatter.new : TextFormatter.new
      end
    end

    # Logger's own line, with the request id.
    class TextFormatter < Logger::Formatter
      LINE = "%<initial>s, [%<time>s #%<process>d] %<severity>5s %<request>s -- %<program>s: %<message>s\n"

      def call(severity, time, program, message)
        format(LINE, initial: severity[0], time: format_datetime(time), process: Process.pid, severity: severity, request: Logging.request_id,
                     program: program, message: msg2str(message))
      end
    end

    # One JSON object a record.
    class JSONFormatter < Logger::Formatter
      def call(severity, time, program, message)
        record = { timestamp: time.utc.strftime('%Y-%m-%dT%H:%M:%S.%6NZ'), level: severity, message: text(message),
                   requestId: Logging.request_id, logger: program }
        "#{JSON.generate(record.merge(error(message)).compact)}\n"
      end

      private

      def text(message)
        message.is_a?(Exception) ? message.message : msg2str(message)
      end

      def error(message)
        return {} unless message.is_a?(Exception)

        { errorType: message.class.to_s, errorMessage: message.message, stackTrace: message.backtrace }
      end
    end
  end
end
