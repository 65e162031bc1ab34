// Sorts the lines of the request's body.

#include <algorithm>
#include <iostream>
#include <string>
#include <vector>

int main() {
  std::vector<std::string> lines;
  for (std::string line; std::getline(std::cin, line);) lines.push_back(line);
  std::sort(lines.begin(), lines.end());
  std::cout << "Content-Type: text/plain\n\n";
  for (const auto &line : lines) std::cout << line << '\n';
}
