# A node classifier: Foreman's answers at /node, those of Puppet Enterprise at /classifier-api. It knows one node.
require 'socket'
require 'json'

FOREMAN = <<~YAML
  ---
  classes:
    classified:
      greeting: &word from-foreman
      number: 0644
  parameters: {tier: *word}
  environment: staging
YAML

def answer(line, headers, body)
  case line
  when %r{^GET /node/web03.demo.test\?format=yml }
    headers['authorization'] == 'Basic cHVwcGV0OnBhc3M6d29yZA==' ? [200, FOREMAN] : [401, 'who are you?']
  when %r{^POST /classifier-api/v1/classified/nodes/web03.demo.test }
    return [401, 'who are you?'] unless headers['x-authentication'] == 't0ken'

    asked = JSON.parse(body)
    classes = { classified: { greeting: asked['trusted']['certname'], number: 12_345_678_901_234_567 } }
    [200, JSON.generate(name: 'web03', classes: classes, parameters: { tier: asked['fact']['kernel'] }, environment: 'staging')]
  else
    [404, 'no such node']
  end
end

server = TCPServer.new('0.0.0.0', 8080)
loop do
  client = server.accept
  line = client.gets.to_s
  headers = {}
  while (header = client.gets.to_s.chomp) != ''
    name, value = header.split(': ', 2)
    headers[name.downcase] = value
  end
  status, text = answer(line, headers, client.read(headers['content-length'].to_i))
  puts "#{line.chomp} #{status}"
  $stdout.flush
  client.write("HTTP/1.1 #{status} X\r\nContent-Length: #{text.bytesize}\r\nConnection: close\r\n\r\n#{text}")
  client.close
end
