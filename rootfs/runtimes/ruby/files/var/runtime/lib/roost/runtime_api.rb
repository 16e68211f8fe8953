# frozen_string_literal: true

require 'json'
require 'net/http'

module Roost
  # The Runtime API: next, response, error and init error over one kept connection.
  class RuntimeAPI
    # A reply of the host that leaves nothing to go on with.
    class Refusal < StandardError; end

    # What `/next` has answered.
    Event = Struct.new(:response) do
      def request_id = response['Lambda-Runtime-Aws-Request-Id']
      def trace_id = response['Lambda-Runtime-Trace-Id']
      # A late answer to an event that is over is refused by this.
      def nonce = response['Lambda-Runtime-Invocation-Id']
    end

    PATH = '/2018-06-01/runtime'
    FOREVER = 10 * 365 * 86_400 # seconds
    TOO_LARGE = '413'

    def initialize(address)
      host, port = address.split(':')
      # The third argument: no proxy, whatever the environment says.
      @http = Net::HTTP.new(host, port.to_i, nil)
      @http.read_timeout = nil
      @http.keep_alive_timeout = FOREVER
      @http.max_retries = 0
      @http.start
    end

    # Waits for an event, however long.
    def next_event
      response = @http.get("#{PATH}/invocation/next")
      raise Refusal, "GET /next: #{response.code} #{response.body}" unless response.is_a?(Net::HTTPOK)

      Event.new(response)
    end

    def post_response(event, body, content_type)
      body = body.read if body.respond_to?(:read)
      post("/invocation/#{event.request_id}/response", body, 'Content-Type' => content_type, **nonce(event))
    end

    def post_error(event, error)
      post("/invocation/#{event.request_id}/error", error.to_json, **error_headers(error), **nonce(event))
    end

    def post_init_error(error)
      post('/init/error', error.to_json, **error_headers(error))
    end

    private

    def post(path, body, headers)
      response = @http.post(PATH + path, body, headers)
      # An answer that is too large is refused and reported by the host; the environment goes on.
      return if response.is_a?(Net::HTTPSuccess) || response.code == TOO_LARGE

      raise Refusal, "POST #{path}: #{response.code} #{response.body}"
    end

    def error_headers(error)
      { 'Content-Type' => 'application/json', 'Lambda-Runtime-Function-Error-Type' => error.type }
    end

    def nonce(event)
      { 'Lambda-Runtime-Invocation-Id' => event.nonce }.compact
    end
  end
end
