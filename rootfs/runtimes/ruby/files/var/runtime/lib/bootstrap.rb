# frozen_string_literal: true

# The runtime client for Ruby: loads the handler, then asks for one event after the other and posts what the handler makes of it.
# Handler conventions, error payloads and log lines are those of AWS's own client.

require_relative 'roost/logging'
require_relative 'roost/runtime_api'
require_relative 'roost/lambda_context'
require_relative 'roost/lambda_error'
require_relative 'roost/lambda_handler'
require_relative 'roost/marshaller'

module Roost
  # The life of one execution environment.
  class Runtime
    EXIT_INIT_ERROR = 252
    EXIT_CRITICAL = 255

    def initialize(api)
      @api = api
    end

    def run(handler)
      @handler = load(handler)
      loop { serve(@api.next_event) }
    rescue SignalException
      exit 0 # the environment is being shut down
    end

    private

    def load(handler)
      LambdaHandler.new(handler).tap(&:load)
    rescue Exception => e # rubocop:disable Lint/RescueException: whatever the function's code raises, exits and syntax errors too
      error = LambdaError.new(e, 'Init')
      error.log("Init error when loading handler #{handler}")
      @api.post_init_error(error)
      exit EXIT_INIT_ERROR
    end

    def serve(event)
      Logging.request_id = event.request_id
      ENV['_X_AMZN_TRACE_ID'] = event.trace_id
      body, content_type = answer(event)
      @api.post_response(event, body, content_type || 'application/json') if body
    end

    # The handler's answer, or nil once its error has been posted. An error that is not a StandardError, or that says that the code itself is
    # wrong (NameError), ends the environment.
    def answer(event)
      request = AwsLambda::Marshaller.marshall_request(event.response)
      AwsLambda::Marshaller.marshall_response(@handler.call(request, LambdaContext.new(event)))
    rescue Exception => e # rubocop:disable Lint/RescueException: the caller is told of an exit as well
      is_critical = !e.is_a?(StandardError) || e.is_a?(NameError)
      error = LambdaError.new(e, 'Function')
      error.log(is_critical ? 'Critical exception from handler' : 'Error raised from handler method')
      @api.post_error(event, error)
      exit EXIT_CRITICAL if is_critical
    end
  end
end

$stdout.sync = true
Roost::Logging.start
Roost::Runtime.new(Roost::RuntimeAPI.new(ENV.fetch('AWS_LAMBDA_RUNTIME_API'))).run(ENV.fetch('_HANDLER'))
