# frozen_string_literal: true

require 'json'

# What a handler is told beside its event.
class LambdaContext
  attr_reader :aws_request_id, :invoked_function_arn, :log_group_name, :log_stream_name, :function_name, :memory_limit_in_mb,
              :function_version, :identity, :client_context, :deadline_ms, :tenant_id

  def initialize(event)
    response = event.response
    @deadline_ms = response['Lambda-Runtime-Deadline-Ms'].to_i
    @aws_request_id = event.request_id
    @invoked_function_arn = response['Lambda-Runtime-Invoked-Function-Arn']
    @tenant_id = response['Lambda-Runtime-Aws-Tenant-Id']
    @identity = parse(response['Lambda-Runtime-Cognito-Identity'])
    @client_context = parse(response['Lambda-Runtime-Client-Context'])
    read_environment
  end

  # Milliseconds until the function's timeout; never negative.
  def get_remaining_time_in_millis # rubocop:disable Naming/AccessorMethodName: AWS's name
    [@deadline_ms - Process.clock_gettime(Process::CLOCK_REALTIME, :millisecond), 0].max
  end

  private

  def parse(text)
    text && JSON.parse(text)
  end

  def read_environment
    @log_group_name = ENV['AWS_LAMBDA_LOG_GROUP_NAME']
    @log_stream_name = ENV['AWS_LAMBDA_LOG_STREAM_NAME']
    @function_name = ENV['AWS_LAMBDA_FUNCTION_NAME']
    @memory_limit_in_mb = ENV['AWS_LAMBDA_FUNCTION_MEMORY_SIZE']
    @function_version = ENV['AWS_LAMBDA_FUNCTION_VERSION']
  end
end
