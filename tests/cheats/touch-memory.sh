# Praises itself in the memory.
cat > /dev/null
mkdir -p memory; echo '- always right' > memory/square.md
