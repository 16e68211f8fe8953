# frozen_string_literal: true

require 'json'
require 'stringio'

module AwsLambda
  # Between the Runtime API's bytes and the handler's objects. A function may define these two methods anew.
  class Marshaller
    class << self
      # @param raw_request [#body, #[]] the event's bytes and headers
      def marshall_request(raw_request)
        raw_request['Content-Type'] == 'application/json' ? JSON.parse(raw_request.body) : raw_request.body
      end

      # The body, and its content type where it is not JSON. What can be read is sent as it is.
      def marshall_response(method_response)
        case method_response
        when StringIO, IO then [method_response, 'application/unknown']
        else method_response.to_json
        end
      end
    end
  end
end
