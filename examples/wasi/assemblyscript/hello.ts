// Greets whoever asks.

console.log('Content-Type: text/plain\n\nHello from AssemblyScript!');
