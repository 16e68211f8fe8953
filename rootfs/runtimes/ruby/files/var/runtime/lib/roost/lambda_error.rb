# frozen_string_literal: true

require 'json'

module Roost
  # An exception of the function's code as its caller and its log are told of it: `Function<ArgumentError>`, `Init<LoadError>`.
  class LambdaError
    FRAMES = 100
    OWN_FRAME = %r{\A/var/runtime/}

    # The type in the Runtime API's header; in the payload it is the same.
    attr_reader :type

    def initialize(exception, phase)
      @type = "#{phase}<#{exception.class}>"
      @message = readable(exception.message)
      # The function's frames: they come before ours.
      @frames = (exception.backtrace || []).take_while { |frame| !frame.match?(OWN_FRAME) }.first(FRAMES)
    end

    def to_h
      { errorMessage: @message, errorType: @type, stackTrace: @frames }
    end

    def to_json(*arguments)
      to_h.to_json(*arguments)
    end

    def log(title)
      puts title
      puts JSON.pretty_generate(to_h)
    end

    private

    # JSON takes UTF-8 only; a message may be anything.
    def readable(message)
      message.to_s.encode('UTF-8', invalid: :replace, undef: :replace).scrub
    end
  end
end
