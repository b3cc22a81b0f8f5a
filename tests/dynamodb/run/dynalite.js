// Serves dynalite on a free port of loopback, prints the port, and ends with its standard input.
// Usage: node dynalite.js FOLDER-OF-ITS-PACKAGES OPTIONS-AS-JSON
const [folder, options] = process.argv.slice(2)
const server = require(require.resolve('dynalite', { paths: [folder] }))(JSON.parse(options))
server.listen(0, '127.0.0.1', () => console.log(server.address().port))
process.stdin.on('end', () => process.exit(0)).on('error', () => process.exit(0)).resume()
