// Linked with one whole module and the libraries that it lists; that it links is the test.
int main() { return 0; }
