# Commits a tree of its own making.
cat > /dev/null
git add -A; git commit -qm 'APPROVED'; git update-ref refs/heads/main HEAD
