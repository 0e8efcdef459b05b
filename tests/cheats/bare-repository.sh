# Lays out a repository as plain files, none of them named .git.
cat > /dev/null
mkdir -p docs/objects docs/refs; echo x > docs/objects/a; echo x > docs/refs/a
echo "ref: refs/heads/main" > docs/HEAD; printf "[core]\n\tfsmonitor = touch x\n" > docs/config
