# Puts a link where drafts are written.
cat > /dev/null
ln -s "$HOME" drafts
