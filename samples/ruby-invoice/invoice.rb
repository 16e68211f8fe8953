# frozen_string_literal: true

require 'bigdecimal/util'
require 'logger'

LOGGER = Logger.new($stdout)

# Adds up the lines of an invoice, tax by tax, without a rounding error.
class Invoice
  class EmptyInvoice < StandardError; end

  def self.total(event:, context:)
    lines = event.fetch('lines')
    raise EmptyInvoice, "invoice #{event['number']} has no lines" if lines.empty?

    LOGGER.info("invoice #{event['number']}, #{lines.size} lines, #{context.get_remaining_time_in_millis} ms left")
    net = lines.group_by { |line| line['tax'] }.transform_values { |some| some.sum { |line| line['price'].to_d * line['count'] } }
    taxes = net.to_h { |tax, sum| [tax, (sum * tax.to_d / 100).round(2)] }
    { net: net.values.sum.to_s('F'), taxes: taxes.transform_values { |tax| tax.to_s('F') }, gross: (net.values.sum + taxes.values.sum).to_s('F') }
  end
end
